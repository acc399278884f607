metadata description = 'The store: one account without keys, one container, and who may use it.'

@description('The storage account\'s name, unique in all of Azure.')
param accountName string

@description('Its one container.')
param containerName string

@description('Where everything is.')
param location string

@description('Copies of each object.')
param redundancy string

@description('The machines\' subnet.')
param subnetId string

@description('Addresses or ranges outside the network that may reach the account; empty: none.')
param clientAddresses string[]

@description('So many days what was deleted or overwritten can be had back. Billed like what is there.')
param undeleteDays int

@description('The machines\' identity.')
param machinePrincipalId string

@description('Who submits runs; empty: nobody.')
param userPrincipalId string

@description('Silos find each other in a table: its service is opened to machines and user.')
param withTable bool

// What clients upload: data sets, and the silo itself. Machines read it. (Everything else a machine's silo may have to write and sweep: runs/, cluster/.)
var blobActions = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'
var isChange = '!(ActionMatches{\'${blobActions}/write\'}) AND !(ActionMatches{\'${blobActions}/add/action\'}) AND !(ActionMatches{\'${blobActions}/delete\'}) AND !(ActionMatches{\'${blobActions}/move/action\'})'
var isMachines = '@Resource[${blobActions}:path] StringNotLike \'data/*\' AND @Resource[${blobActions}:path] StringNotLike \'software/*\''
var changesOnlyItsOwn = '((${isChange}) OR (${isMachines}))'

// Storage Blob Data Contributor: reads, writes and deletes blobs, and nothing of the account.
var blobContributor = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'ba92f5b4-2d11-453d-a403-e96b0029c9fe')

// Storage Table Data Contributor: reads, writes and deletes tables and what is in them, and nothing of the account. On the service, since the first silo makes the table.
var tableContributor = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3')

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: accountName
  location: location
  kind: 'StorageV2'
  sku: {
    name: redundancy
  }
  properties: {
    accessTier: 'Hot'
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    defaultToOAuthAuthentication: true
    supportsHttpsTrafficOnly: true
    minimumTlsVersion: 'TLS1_2'
    networkAcls: {
      bypass: 'None'
      defaultAction: 'Deny'
      virtualNetworkRules: [
        {
          id: subnetId
        }
      ]
      ipRules: [
        for address in clientAddresses: {
          value: address
        }
      ]
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    // Against a mistake, and against a machine in wrong hands: its role deletes blobs, and neither versions nor what was deleted softly.
    isVersioningEnabled: true
    deleteRetentionPolicy: {
      enabled: true
      days: undeleteDays
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: undeleteDays
    }
  }
}

// Checkpoints come and go by the hour: their versions would soon cost more than the machines.
resource sweep 'Microsoft.Storage/storageAccounts/managementPolicies@2024-01-01' = {
  parent: account
  name: 'default'
  dependsOn: [blobs]
  properties: {
    policy: {
      rules: [
        {
          name: 'old-versions'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: ['blockBlob']
            }
            actions: {
              version: {
                delete: {
                  daysAfterCreationGreaterThan: undeleteDays
                }
              }
            }
          }
        }
      ]
    }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobs
  name: containerName
  properties: {
    publicAccess: 'None'
  }
}

resource machines 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: container
  name: guid(container.id, 'machines', blobContributor)
  properties: {
    principalId: machinePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: blobContributor
    conditionVersion: '2.0'
    condition: changesOnlyItsOwn
  }
}

resource user 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(userPrincipalId)) {
  scope: container
  name: guid(container.id, userPrincipalId, blobContributor)
  properties: {
    principalId: userPrincipalId
    principalType: 'User'
    roleDefinitionId: blobContributor
  }
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2024-01-01' = if (withTable) {
  parent: account
  name: 'default'
}

resource machinesTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (withTable) {
  scope: tables
  name: guid(account.id, 'machines', tableContributor)
  properties: {
    principalId: machinePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: tableContributor
  }
}

resource userTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (withTable && !empty(userPrincipalId)) {
  scope: tables
  name: guid(account.id, userPrincipalId, tableContributor)
  properties: {
    principalId: userPrincipalId
    principalType: 'User'
    roleDefinitionId: tableContributor
  }
}
