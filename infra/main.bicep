metadata description = 'A fleet of spot GPU machines that train what one blob container says is ready.'

@description('What everything is named after: letters and digits, at most 11.')
@minLength(3)
@maxLength(11)
param name string = 'slowrun'

@description('Where everything is. Spot capacity and its price differ much from region to region.')
param location string = resourceGroup().location

@description('How many machines. 0: none, only what lasts. The subnet has room for 240; more than about a hundred want clustering = azure-table.')
@minValue(0)
@maxValue(240)
param count int = 0

@description('Size of each machine. It must be offered as spot, and every machine of a run should have the same GPU: other devices give other bits.')
param vmSize string = 'Standard_NC24ads_A100_v4'

@description('Gigabytes that the largest stage needs on its device, rounded up, as "slowrun spec explain" says. Nothing is deployed where the size is known to have less. 0: not compared.')
@minValue(0)
param neededGigabytes int = 0

@description('Zones that machines may be in; empty: Azure chooses. More zones find more room, and traffic between zones is billed.')
param zones string[] = []

@description('Most that an hour of one machine may cost, in US dollars with up to five decimals, as text. -1: as much as a machine that is not spot; never evicted for its price.')
param maxPrice string = '-1'

@description('What becomes of an evicted machine. Delete: it is gone, and replaced where replaceEvicted says so. Deallocate: its disk stays and is paid for, it counts as one of the scale set, and somebody has to start it.')
@allowed(['Delete', 'Deallocate'])
param evictionPolicy string = 'Delete'

@description('Keeps the number of machines at count: one that was evicted and deleted is replaced as soon as Azure has room. A scale set does not do that by itself.')
param replaceEvicted bool = true

@description('How long a machine that is to be deleted (scaled in, not preempted) waits for its silo: 5 to 15 minutes as in PT10M. A silo takes five minutes at most.')
param terminateNotice string = 'PT10M'

@description('A machine whose silo found nothing ready for so long ends; empty: it stays.')
param exitWhenIdle string = '10m'

@description('A machine that ends deallocates itself, so that only its disk is billed. Gives machines a second role, of that one action on this resource group. False: it only powers off, and Azure bills it on.')
param deallocateIdle bool = true

@description('Installs the driver of an NVIDIA GPU, and lets the silo wait for it. False: for sizes without a GPU.')
param gpuDriver bool = true

@description('Where the silos find each other. azure-table: a table of the storage account, for more than about a hundred machines; machines and user get a role on the table service. The first silo of a store decides for all that come after.')
@allowed(['document', 'azure-table'])
param clustering string = 'document'

@description('More options of the silo, as on the command line.')
param siloOptions string = ''

@description('Name of the published silo in the container (publish.sh makes it, and tells how to upload it).')
param packageName string = 'software/slowrun-silo.tar.gz'

@description('SHA-256 of the published silo, in hexadecimal. A machine runs nothing else.')
@minLength(64)
@maxLength(64)
param packageSha256 string

@description('Public SSH key that Azure wants every Linux machine to have. No port is open for it; it serves through the serial console or a bastion that you add.')
param adminPublicKey string

@description('Object id of who submits runs and uploads the silo (az ad signed-in-user show --query id); gets the same role on the container as the machines. Empty: nobody.')
param userPrincipalId string = ''

@description('Public addresses or ranges outside the network from which the container may be reached: yours, to upload the silo and to submit runs. Empty: from the machines\' subnet alone.')
param clientAddresses string[] = []

@description('So many days what was deleted or overwritten in the container can be had back. It is billed like what is there: a checkpoint of 6 GB every ten minutes makes 860 GB a day.')
@minValue(1)
@maxValue(90)
param undeleteDays int = 1

@description('Copies of each object. Standard_ZRS survives the loss of a zone.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param redundancy string = 'Standard_LRS'

@description('A Log Analytics workspace with who wrote to the store, and with the coming and going of machines. Billed by what is written.')
param logs bool = false

@description('The one user of each machine, in case you add a way in.')
param adminName string = 'slowrun'

// Memory of one device of a size, in gigabytes of 10^9 bytes as the silo counts it; a size that is not here is not compared.
var deviceGigabytes = {
  Standard_NC4as_T4_v3: 15
  Standard_NC8as_T4_v3: 15
  Standard_NC16as_T4_v3: 15
  Standard_NC24ads_A100_v4: 85
  Standard_NC48ads_A100_v4: 85
  Standard_NC96ads_A100_v4: 85
  Standard_ND96asr_v4: 42
  Standard_ND96amsr_A100_v4: 85
  Standard_NC40ads_H100_v5: 100
  Standard_NC80adis_H100_v5: 100
  Standard_ND96isr_H100_v5: 85
  Standard_ND96isr_H200_v5: 150
}
var sizeWithRoom = neededGigabytes <= (deviceGigabytes[?vmSize] ?? neededGigabytes)
  ? vmSize
  : fail('A stage needs ${neededGigabytes} GB on its device, and one of ${vmSize} has ${deviceGigabytes[?vmSize] ?? 0}: take a larger size, or a spec that needs less (slowrun spec explain SPEC --device-memory ${deviceGigabytes[?vmSize] ?? 0}GB names the options).')

// Names that are known before anything is deployed, so that a preview shows what will be.
var accountName = toLower('${name}${uniqueString(resourceGroup().id)}')
var autoscaleName = '${name}-keeper'
var identityName = '${name}-machines'
var identityId = resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', identityName)
var containerName = 'slowrun'
var storeAddress = 'azblob://${accountName}/${containerName}'

module network 'modules/network.bicep' = {
  params: {
    name: name
    location: location
  }
}

module identity 'modules/identity.bicep' = {
  params: {
    identityName: identityName
    location: location
    mayDeallocate: deallocateIdle
  }
}

module store 'modules/store.bicep' = {
  params: {
    accountName: accountName
    containerName: containerName
    location: location
    redundancy: redundancy
    subnetId: network.outputs.subnetId
    clientAddresses: clientAddresses
    undeleteDays: undeleteDays
    machinePrincipalId: identity.outputs.principalId
    userPrincipalId: userPrincipalId
    withTable: clustering == 'azure-table'
  }
}

module fleet 'modules/fleet.bicep' = {
  params: {
    name: name
    location: location
    count: count
    vmSize: sizeWithRoom
    zones: zones
    maxPrice: maxPrice
    evictionPolicy: evictionPolicy
    replaceEvicted: replaceEvicted
    terminateNotice: terminateNotice
    gpuDriver: gpuDriver
    adminName: adminName
    adminPublicKey: adminPublicKey
    autoscaleName: autoscaleName
    subnetId: network.outputs.subnetId
    identityId: identityId
    environment: {
      SLOWRUN_STORE: storeAddress
      SLOWRUN_PACKAGE: packageName
      SLOWRUN_PACKAGE_SHA256: toLower(packageSha256)
      SLOWRUN_IDENTITY: identityId
      SLOWRUN_GPU: gpuDriver ? '1' : '0'
      SLOWRUN_DEALLOCATE: deallocateIdle ? '1' : '0'
      SLOWRUN_OPTIONS: trim('${empty(exitWhenIdle) ? '' : '--exit-when-idle ${exitWhenIdle}'}${clustering == 'document' ? '' : ' --clustering ${clustering}'} ${siloOptions}')
    }
  }
  // A machine's first act is to read the store.
  dependsOn: [identity, store]
}

module workspace 'modules/logs.bicep' = if (logs) {
  params: {
    name: name
    location: location
    accountName: accountName
    autoscaleName: autoscaleName
  }
  dependsOn: [store, fleet]
}

@description('What a client and a silo are told with --store.')
output store string = storeAddress

@description('The storage account.')
output account string = accountName

@description('Its one container.')
output container string = containerName

@description('The scale set.')
output scaleSet string = fleet.outputs.scaleSetName
